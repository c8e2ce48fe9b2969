#if canImport(Darwin)  // Foundation elsewhere has no URLSession.bytes(for:)
import Foundation

enum Wish: Sendable {
    case send(session: String, message: String)
    case regenerate(message: String)
    case edit(message: String, text: String)
    case join(turn: String)
}

/// A message and the reply to it, as events: `for try await event in turn`.
///
/// It is sent when it is read. A lost connection is sought again, and the text goes on where it was. Leaving, by `break` or by
/// the task's cancellation, stops nothing at the server. Reading it again sends the same with the same key: the server then tells
/// the same turn, and never begins a second one. Throws CoachError.
public struct Turn: AsyncSequence, Sendable {
    public typealias Element = TurnEvent
    public typealias AsyncIterator = AsyncThrowingStream<TurnEvent, any Error>.Iterator

    /// The Idempotency-Key.
    public let key: String
    let wish: Wish
    let client: CoachClient

    public func makeAsyncIterator() -> AsyncIterator {
        let turn = self
        let events = AsyncThrowingStream<TurnEvent, any Error> { continuation in
            let reading = Task {
                var follower = Follower(turn)
                do {
                    try await follower.follow { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in reading.cancel() }
        }
        return events.makeAsyncIterator()
    }
}

/// One reading of a turn, over as many connections as it takes.
private struct Follower {
    typealias Tell = @Sendable (TurnEvent) -> Void

    let turn: Turn
    private var turnId: String?
    private var hasBegun = false
    private var transcript = Transcript()
    private var backoff: Backoff

    init(_ turn: Turn) {
        self.turn = turn
        backoff = Backoff(turn.client.reconnecting)
        if case .join(let id) = turn.wish { turnId = id }
    }

    mutating func follow(_ tell: Tell) async throws {
        while true {
            do {
                try await connect(tell)
                return
            } catch let error as Lost {
                try Task.checkCancellation()
                guard let wait = backoff.next(after: error.retryAfter) else { throw CoachError.lost(turnId: turnId) }
                tell(.lost(attempt: backoff.attempt, wait: wait))
                try await Task.sleep(nanoseconds: UInt64(wait * 1_000_000_000))
            }
        }
    }

    /// One connection, to the turn's end. Throws Lost where it ends before that.
    private mutating func connect(_ tell: Tell) async throws {
        do {
            try await read(tell)
        } catch let error as CoachError {
            throw error
        } catch let error as Lost {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            throw Lost()
        }
    }

    private mutating func read(_ tell: Tell) async throws {
        let request = try await self.request()
        let (bytes, answer) = try await turn.client.session.bytes(for: request)
        defer { bytes.task.cancel() }
        try await check(answer, bytes)
        begin(answer, tell)
        var reader = FrameReader()
        var pings = 1  // the comment at the beginning is no sign of life: a connection may end behind it again and again
        for try await byte in bytes {
            if let frame = try reader.feed(byte), try hear(frame, tell) { return }
            if reader.comments > pings {
                pings = reader.comments
                backoff.reset()
            }
        }
        throw Lost()
    }

    private func request() async throws -> URLRequest {
        let client = turn.client
        if let turnId { return try await client.request("GET", "chat/turns/\(turnId)/stream") }
        switch turn.wish {
        case .send(let session, let message):
            return try await client.request("POST", "chat/stream", ["session_id": session, "message": message], turn.key)
        case .regenerate(let message):
            return try await client.request("POST", "chat/messages/\(message)/regenerate", [:], turn.key)
        case .edit(let message, let text):
            return try await client.request("POST", "chat/messages/\(message)/edit", ["message": text], turn.key)
        case .join(let id):
            return try await client.request("GET", "chat/turns/\(id)/stream")
        }
    }

    /// Throws what the server refuses; the first answer is the caller's to judge, one in the middle is waited out.
    private func check(_ answer: URLResponse, _ bytes: URLSession.AsyncBytes) async throws {
        guard let response = answer as? HTTPURLResponse else { throw Lost() }
        if response.statusCode == 200 {
            let type = response.value(forHTTPHeaderField: "Content-Type") ?? ""
            guard type.hasPrefix("text/event-stream") else { throw Lost() }
            return
        }
        var body = Data()
        for try await byte in bytes.prefix(1 << 16) { body.append(byte) }
        let retryAfter = response.value(forHTTPHeaderField: "Retry-After")
        let refused = CoachError(status: response.statusCode, retryAfter: retryAfter, body: body)
        if backoff.attempt > 0 && refused.retryable { throw Lost(retryAfter: refused.retryAfter) }
        throw refused
    }

    private mutating func begin(_ answer: URLResponse, _ tell: Tell) {
        transcript.beginConnection()
        guard !hasBegun, let response = answer as? HTTPURLResponse,
              let id = response.value(forHTTPHeaderField: "X-Turn-Id") else { return }
        hasBegun = true
        turnId = id
        tell(.begun(turnId: id, sessionId: response.value(forHTTPHeaderField: "X-Session-Id")))
    }

    /// True at the turn's end. Throws CoachError where that is trouble.
    private mutating func hear(_ frame: Frame, _ tell: Tell) throws -> Bool {
        switch frame {
        case .token(let piece), .snapshot(let piece):
            if let event = transcript.hear(piece) {
                backoff.reset()
                tell(event)
            }
            return false
        case .done(let done):
            if let event = transcript.end() { tell(event) }
            tell(.done(done))
            return true
        case .failed(let failure):
            if let event = transcript.end() { tell(event) }
            throw CoachError(failure)
        }
    }
}
#endif
