#if canImport(Darwin)
import Foundation
import CoachClient

func talk(to baseURL: URL, show: (String) -> Void) async throws {
    let client = CoachClient(baseURL: baseURL)
    let started = try await client.start(userId: "kari", persona: "fitness_coach")
    do {
        for try await event in client.stream(started.sessionId, "How should I warm up?") {
            if case .text(_, let text) = event { show(text) }
            if case .replaced(let text) = event { show(text) }
        }
    } catch let error as CoachError {
        show(error.retryable ? "\(error.message) Try again." : error.message)
    }
}
#endif
