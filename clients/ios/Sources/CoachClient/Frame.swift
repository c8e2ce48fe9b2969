import Foundation

/// Counted tokens; nil where the vendor gave none.
public struct Usage: Decodable, Sendable, Equatable {
    public let inputTokens: Int?
    public let outputTokens: Int?
}

/// The end of a turn whose reply is stored. `messageId` is nil where nothing was said.
public struct Done: Decodable, Sendable, Equatable {
    public let messageId: String?
    public let userMessageId: String
    public let turnId: String
    /// `complete`, `truncated`, `refused` or `stopped`.
    public let status: String
    public let brain: String
    public let fallback: Bool
    public let usage: Usage
    /// The rule of safety whose fixed answer was given; nil where there was none.
    public let safety: String?
}

/// The end of a turn in trouble.
public struct Failure: Decodable, Sendable, Equatable {
    public let error: String
    public let message: String
    public let retryable: Bool
    public let messageId: String?
    public let userMessageId: String
    public let turnId: String
}

/// One event of a stream: docs/streaming.md.
public enum Frame: Sendable, Equatable {
    case token(String)
    case snapshot(String)
    case done(Done)
    case failed(Failure)
}

/// Bytes to frames.
public struct FrameReader {
    private var parser = EventParser()
    private let decoder = JSONDecoder.ofCoach()

    public init() {}

    public var comments: Int { parser.comments }

    /// The frame that this byte completes, or nil; kinds that this client does not know are left out. Throws BrokenFrame.
    public mutating func feed(_ byte: UInt8) throws -> Frame? {
        guard let data = try parser.feed(byte) else { return nil }
        return try frame(of: Data(data))
    }

    /// The frame that this JSON is. Throws BrokenFrame.
    public func frame(of json: Data) throws -> Frame? {
        do {
            let kind = try decoder.decode(Kind.self, from: json)
            if let token = kind.token { return .token(token) }
            if let snapshot = kind.snapshot { return .snapshot(snapshot) }
            if kind.done == true { return .done(try decoder.decode(Done.self, from: json)) }
            if kind.error != nil { return .failed(try decoder.decode(Failure.self, from: json)) }
            return nil
        } catch is DecodingError {
            throw BrokenFrame()
        }
    }

    private struct Kind: Decodable {
        let token: String?
        let snapshot: String?
        let done: Bool?
        let error: String?
    }
}

extension JSONDecoder {
    /// One that reads the API's names: `turn_id` is `turnId` here.
    static func ofCoach() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}
