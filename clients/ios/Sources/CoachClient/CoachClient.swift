#if canImport(Darwin)  // Foundation elsewhere has no URLSession.bytes(for:)
import Foundation

public struct Started: Decodable, Sendable {
    public let sessionId: String
    public let persona: String
    public let personaDescription: String
    public let availablePersonas: [String]
}

public struct SessionSummary: Decodable, Sendable {
    public let sessionId: String
    public let persona: String
    public let title: String
    public let messageCount: Int
    public let lastMessage: String?
}

/// A page of sessions, newest first; `next` is the `cursor` of the following.
public struct SessionPage: Decodable, Sendable {
    public let sessions: [SessionSummary]
    public let next: String?
}

public struct Message: Decodable, Sendable {
    public let messageId: String
    /// `user` or `assistant`.
    public let role: String
    public let content: String
    /// The turn of a reply.
    public let turnId: String?
    /// Of a reply: `running`, or how its turn ended.
    public let status: String?
}

/// A page of messages, oldest first; a reply that is being said is the last.
public struct MessagePage: Decodable, Sendable {
    public let messages: [Message]
    public let next: String?
}

/// One server, for one user. All methods throw CoachError.
public struct CoachClient: Sendable {
    public typealias Token = @Sendable () async throws -> String?

    public let baseURL: URL
    public let reconnecting: Reconnecting
    let session: URLSession
    private let token: Token?

    /// `token`: the bearer token of a request, where the server wants one; asked for each.
    public init(
        baseURL: URL,
        session: URLSession = CoachClient.urlSession(),
        reconnecting: Reconnecting = Reconnecting(),
        token: Token? = nil
    ) {
        self.baseURL = baseURL
        self.session = session
        self.reconnecting = reconnecting
        self.token = token
    }

    /// A session for streams. The server sends a comment every 15 s, so one that brings no byte for 40 s is dead.
    public static func urlSession() -> URLSession {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 40
        configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
        return URLSession(configuration: configuration)
    }

    /// A new session. The same key gives the same one.
    public func start(userId: String, persona: String? = nil, key: String = UUID().uuidString) async throws -> Started {
        var fields = ["user_id": userId]
        fields["persona"] = persona
        return try await answer(to: "POST", "chat/start", fields, key)
    }

    /// Send a message; the turn is sent when it is read, and told as events.
    public func stream(_ session: String, _ message: String, key: String = UUID().uuidString) -> Turn {
        Turn(key: key, wish: .send(session: session, message: message), client: self)
    }

    /// Follow a turn, or come back to it: all of its text so far, then the rest.
    public func join(_ turnId: String) -> Turn {
        Turn(key: "", wish: .join(turn: turnId), client: self)
    }

    /// Another reply to the same message; the older one is kept beside it.
    public func regenerate(_ messageId: String, key: String = UUID().uuidString) -> Turn {
        Turn(key: key, wish: .regenerate(message: messageId), client: self)
    }

    /// Another message in that place, and a reply to it.
    public func edit(_ messageId: String, _ text: String, key: String = UUID().uuidString) -> Turn {
        Turn(key: key, wish: .edit(message: messageId, text: text), client: self)
    }

    /// The same once more: a turn that ended in trouble is tried anew, one that was lost or refused is sent with the same key.
    public func retry(_ turn: Turn, after error: CoachError) -> Turn {
        if let message = error.userMessageId { return regenerate(message) }
        return turn
    }

    /// End a running turn; what was said stays.
    public func stop(_ turnId: String) async throws {
        let _: Stopped = try await answer(to: "POST", "chat/turns/\(turnId)/stop")
    }

    public func sessions(userId: String, cursor: String? = nil) async throws -> SessionPage {
        try await answer(to: "GET", "chat/sessions", query: ["user_id": userId, "cursor": cursor])
    }

    public func messages(_ session: String, cursor: String? = nil) async throws -> MessagePage {
        try await answer(to: "GET", "chat/sessions/\(session)", query: ["cursor": cursor])
    }

    public func remove(_ session: String) async throws {
        let _: Removed = try await answer(to: "DELETE", "chat/sessions/\(session)")
    }

    private struct Stopped: Decodable, Sendable {
        let turnId: String
    }

    private struct Removed: Decodable, Sendable {
        let success: Bool
    }

    func request(
        _ method: String,
        _ path: String,
        _ body: [String: String]? = nil,
        _ key: String? = nil,
        query: [String: String?] = [:]
    ) async throws -> URLRequest {
        let items = query.compactMap { name, value in value.map { URLQueryItem(name: name, value: $0) } }
        let url = baseURL.appending(path: path)
        var request = URLRequest(url: items.isEmpty ? url : url.appending(queryItems: items))
        request.httpMethod = method
        if let body {
            request.httpBody = try JSONEncoder().encode(body)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        if let key { request.setValue(key, forHTTPHeaderField: "Idempotency-Key") }
        if let token = try await token?() { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        return request
    }

    private func answer<Answer: Decodable & Sendable>(
        to method: String,
        _ path: String,
        _ body: [String: String]? = nil,
        _ key: String? = nil,
        query: [String: String?] = [:]
    ) async throws -> Answer {
        let request = try await self.request(method, path, body, key, query: query)
        do {
            let (data, response) = try await session.data(for: request)
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            guard (200..<300).contains(status) else {
                let retryAfter = (response as? HTTPURLResponse)?.value(forHTTPHeaderField: "Retry-After")
                throw CoachError(status: status, retryAfter: retryAfter, body: data)
            }
            return try JSONDecoder.ofCoach().decode(Answer.self, from: data)
        } catch is URLError {
            try Task.checkCancellation()
            throw CoachError.lost(turnId: nil)
        } catch is DecodingError {
            throw CoachError(code: CoachError.unexpectedAnswer, message: "The answer is not as Coach's are.", retryable: false)
        }
    }
}
#endif
