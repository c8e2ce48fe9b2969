#if canImport(SwiftUI) && canImport(Darwin)
import CoachClient
import SwiftUI

/// Bubbles, words as they come, stop and retry; a reply that is left behind is joined when the app is in front again.
struct ChatView: View {
    @Environment(\.scenePhase) private var scenePhase
    @StateObject private var chat: ChatModel
    @State private var draft = ""

    init(client: CoachClient, userId: String) {
        _chat = StateObject(wrappedValue: ChatModel(client: client, userId: userId))
    }

    var body: some View {
        VStack {
            ScrollView {
                LazyVStack(spacing: 12) {
                    ForEach(chat.messages) { message in
                        Text(message.text)
                            .padding(12)
                            .background(message.isUser ? Color.accentColor.opacity(0.15) : Color.clear)
                            .clipShape(RoundedRectangle(cornerRadius: 16))
                            .frame(maxWidth: .infinity, alignment: message.isUser ? .trailing : .leading)
                    }
                }
            }
            if chat.isReconnecting { Text("The connection is lost. Coming back …").font(.footnote) }
            if let trouble = chat.trouble {
                Text(trouble.message).font(.footnote)
                if trouble.retryable { Button("Try again") { chat.retry() } }
            }
            HStack {
                TextField("Type your message…", text: $draft)
                if chat.isReplying {
                    Button("Stop") { chat.stop() }
                } else {
                    Button("Send") { send() }.disabled(draft.isEmpty)
                }
            }
        }
        .padding()
        .onChange(of: scenePhase) { phase in
            if phase == .background { chat.leave() }
            if phase == .active { chat.comeBack() }
        }
    }

    private func send() {
        chat.send(draft)
        draft = ""
    }
}
#endif
