/// What a turn tells whoever reads it.
public enum TurnEvent: Sendable, Equatable {
    /// The server has the turn: from here on it is finished, whatever becomes of this client. Once.
    case begun(turnId: String, sessionId: String?)
    /// The reply grows: by `delta`, to `text`.
    case text(delta: String, text: String)
    /// What was told is not what is kept, as after the death of a worker: show this text in its place.
    case replaced(String)
    /// The connection is lost; the client comes back by itself after `wait` seconds, for the `attempt`th time.
    case lost(attempt: Int, wait: Double)
    /// The reply is stored. The last event; trouble is thrown in its place.
    case done(Done)
}

/// A reply that may come by several connections, each of which says it from its start: one continuous text.
struct Transcript: Sendable {
    private(set) var text = ""
    /// What this connection has said, until that is as much as was told before.
    private var heard: String?

    mutating func beginConnection() {
        heard = text.isEmpty ? nil : ""
    }

    /// A piece of text, or a snapshot, as this connection says it; nil where it was told before.
    mutating func hear(_ piece: String) -> TurnEvent? {
        guard let before = heard else { return grow(by: piece) }
        // By bytes: Swift's own comparison takes different spellings of a character for the same.
        let again = before + piece
        if again.utf8.count < text.utf8.count && text.utf8.starts(with: again.utf8) {
            heard = again
            return nil
        }
        heard = nil
        guard again.utf8.starts(with: text.utf8) else {
            text = again
            return .replaced(again)
        }
        return grow(by: String(decoding: again.utf8.dropFirst(text.utf8.count), as: UTF8.self))
    }

    /// The turn is over; what this connection has said is what is kept.
    mutating func end() -> TurnEvent? {
        guard let again = heard else { return nil }
        heard = nil
        text = again
        return .replaced(again)
    }

    private mutating func grow(by delta: String) -> TurnEvent? {
        guard !delta.isEmpty else { return nil }
        text += delta
        return .text(delta: delta, text: text)
    }
}
