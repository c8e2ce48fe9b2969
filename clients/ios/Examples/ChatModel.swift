#if canImport(SwiftUI) && canImport(Darwin)
import CoachClient
import SwiftUI

struct Said: Identifiable {
    let id = UUID()
    let isUser: Bool
    var text: String
}

/// A chat as a screen shows it. `leave` when the app goes to the background, `comeBack` when it is in front again.
@MainActor
final class ChatModel: ObservableObject {
    @Published private(set) var messages: [Said] = []
    @Published private(set) var isReplying = false
    @Published private(set) var isReconnecting = false
    @Published private(set) var trouble: CoachError?

    private let client: CoachClient
    private let userId: String
    private var sessionId: String?
    private var turn: Turn?
    private var turnId: String?
    private var reading: Task<Void, Never>?

    init(client: CoachClient, userId: String) {
        self.client = client
        self.userId = userId
    }

    func send(_ text: String) {
        guard !isReplying else { return }
        messages.append(Said(isUser: true, text: text))
        messages.append(Said(isUser: false, text: ""))
        isReplying = true
        reading = Task {
            do {
                let session = try await self.session()
                await read(client.stream(session, text))
            } catch {
                end(with: error)
            }
        }
    }

    func stop() {
        guard let turnId else { return }
        let client = self.client
        Task {
            do {
                try await client.stop(turnId)
            } catch {
                trouble = error as? CoachError
            }
        }
    }

    func retry() {
        guard let turn, let trouble, !isReplying else { return }
        let again = client.retry(turn, after: trouble)
        start(again)
    }

    /// The app goes to the background: the connection ends, the reply goes on at the server.
    func leave() {
        reading?.cancel()
    }

    /// The app is in front again: the reply is joined where there is one, and shown from its start to its end.
    func comeBack() {
        guard isReplying, let reading, reading.isCancelled else { return }
        if let turnId {
            start(client.join(turnId))
        } else if let turn {
            start(turn)  // its id was not told yet; the same key makes no second turn
        }
    }

    private func start(_ turn: Turn) {
        reading?.cancel()
        isReplying = true
        reading = Task { await read(turn) }
    }

    private func session() async throws -> String {
        if let sessionId { return sessionId }
        let started = try await client.start(userId: userId)
        sessionId = started.sessionId
        return started.sessionId
    }

    private func read(_ turn: Turn) async {
        self.turn = turn
        turnId = nil
        trouble = nil
        do {
            for try await event in turn { show(event) }
            guard !Task.isCancelled else { return }  // left, not ended
            isReplying = false
        } catch {
            end(with: error)
        }
    }

    private func show(_ event: TurnEvent) {
        isReconnecting = false
        switch event {
        case .begun(let id, _):
            turnId = id
        case .text(_, let text), .replaced(let text):
            messages[messages.count - 1].text = text
        case .lost:
            isReconnecting = true
        case .done:
            break
        }
    }

    private func end(with error: any Error) {
        guard !Task.isCancelled else { return }
        isReplying = false
        isReconnecting = false
        trouble = error as? CoachError
    }
}
#endif
