import Foundation

/// All that can go wrong: a refusal, a turn that ended in trouble, a connection that stays lost. docs/api.md has the codes.
public struct CoachError: Error, LocalizedError, Sendable, Equatable {
    /// The client's own code: no connection for as long as its patience lasts. The turn goes on at the server.
    public static let connectionLost = "connection_lost"
    /// The client's own code: an answer that is not Coach's, as a proxy's page.
    public static let unexpectedAnswer = "unexpected_answer"
    /// Codes of 5xx that asking again does not mend: the operator, or another message, must.
    private static let lasting: Set<String> = ["provider_config", "provider_quota", "context_too_long"]

    public let code: String
    public let message: String
    /// HTTP's, where the server refused; nil for the end of a turn, and where no answer came.
    public internal(set) var status: Int?
    /// Whether the same may succeed later.
    public let retryable: Bool
    /// Seconds that the server asks to wait.
    public internal(set) var retryAfter: TimeInterval?
    /// What was wrong with an input, by field.
    public internal(set) var fields: [String: [String]] = [:]
    /// The turn that ended so; of `turn_in_progress` the one that runs.
    public internal(set) var turnId: String?
    /// Not nil: the message was stored, and regenerating on it tries the turn anew.
    public internal(set) var userMessageId: String?
    /// The reply as far as it was said, or nil where nothing was.
    public internal(set) var messageId: String?

    public var errorDescription: String? { message }

    init(code: String, message: String, retryable: Bool) {
        self.code = code
        self.message = message
        self.retryable = retryable
    }

    /// The end of a turn in trouble.
    init(_ failure: Failure) {
        self.init(code: failure.error, message: failure.message, retryable: failure.retryable)
        turnId = failure.turnId
        userMessageId = failure.userMessageId
        messageId = failure.messageId
    }

    /// An answer that is not 2xx. `retryAfter` is the header's value.
    init(status: Int, retryAfter: String?, body: Data) {
        let problem = try? JSONDecoder.ofCoach().decode(Problem.self, from: body)
        let code = problem?.error ?? Self.unexpectedAnswer
        self.init(
            code: code,
            message: problem?.message ?? "The server answered \(status) and not as Coach does.",
            retryable: status == 429 || (status >= 500 && !Self.lasting.contains(code))
        )
        self.status = status
        self.retryAfter = retryAfter.flatMap { TimeInterval($0) }
        fields = problem?.fields ?? [:]
        turnId = problem?.turnId
    }

    /// No connection.
    static func lost(turnId: String?) -> CoachError {
        let message = "The connection is lost; try again when there is a network."
        var error = CoachError(code: connectionLost, message: message, retryable: true)
        error.turnId = turnId
        return error
    }

    private struct Problem: Decodable {
        let error: String
        let message: String
        let fields: [String: [String]]?
        let turnId: String?
    }
}
