import Foundation

/// How a lost connection is sought again; all in seconds.
public struct Reconnecting: Sendable {
    /// The first wait, at most; each further one is twice as long.
    public var first = 0.5
    /// The longest wait.
    public var most = 15.0
    /// How long nothing new may be heard before the client gives up.
    public var patience = 120.0

    public init() {}
}

/// A connection ended without the turn's end, or there was none.
struct Lost: Error {
    var retryAfter: TimeInterval?
}

/// Growing waits, with chance in them so that many clients do not come back in one moment.
struct Backoff {
    let reconnecting: Reconnecting
    private(set) var attempt = 0
    private var since: Date?

    init(_ reconnecting: Reconnecting) {
        self.reconnecting = reconnecting
    }

    /// Something new was heard.
    mutating func reset() {
        attempt = 0
        since = nil
    }

    /// How long to wait now; nil where patience is at its end.
    mutating func next(after retryAfter: TimeInterval?, now: Date = Date()) -> Double? {
        let began = since ?? now
        since = began
        guard now.timeIntervalSince(began) < reconnecting.patience else { return nil }
        attempt += 1
        let longest = min(reconnecting.most, reconnecting.first * pow(2, Double(attempt - 1)))
        return max(longest * Double.random(in: 0.5...1), retryAfter ?? 0)
    }
}
