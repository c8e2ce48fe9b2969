/// What came is no event stream of Coach's.
public struct BrokenFrame: Error, Sendable {}

/// Bytes to the data of events: the standard's event stream (WHATWG HTML, 9.2), byte by byte, so that it may be cut anywhere.
///
/// `URLSession.AsyncBytes.lines` is of no use here: it leaves out empty lines, and an empty line is what ends an event.
public struct EventParser: Sendable {
    /// Bytes of an event; a frame takes at most 4,096, and what exceeds this is no stream of Coach's.
    public static let limit = 1 << 20

    /// Comments so far: a sign of life while nothing is said.
    public private(set) var comments = 0

    private static let lineFeed: UInt8 = 0x0A
    private static let carriageReturn: UInt8 = 0x0D
    private static let colon: UInt8 = 0x3A
    private static let space: UInt8 = 0x20
    private static let dataName = Array("data".utf8)
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var isFirstLine = true
    private var isAfterCarriageReturn = false

    public init() {}

    /// The data of the event that this byte completes, or nil.
    public mutating func feed(_ byte: UInt8) throws -> [UInt8]? {
        if byte == Self.lineFeed && isAfterCarriageReturn {
            isAfterCarriageReturn = false
            return nil
        }
        isAfterCarriageReturn = byte == Self.carriageReturn
        if byte == Self.lineFeed || byte == Self.carriageReturn {
            return endLine()
        }
        guard line.count + data.count < Self.limit else { throw BrokenFrame() }
        line.append(byte)
        return nil
    }

    private mutating func endLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: Self.byteOrderMark) { line.removeFirst(Self.byteOrderMark.count) }
        }
        if line.isEmpty { return endEvent() }
        if line[0] == Self.colon {
            comments += 1
            return nil
        }
        let end = line.firstIndex(of: Self.colon) ?? line.endIndex
        guard line[..<end].elementsEqual(Self.dataName) else { return nil }
        var value: ArraySlice<UInt8> = end < line.endIndex ? line[(end + 1)...] : []
        if value.first == Self.space { value = value.dropFirst() }
        if hasData { data.append(Self.lineFeed) }
        data.append(contentsOf: value)
        hasData = true
        return nil
    }

    private mutating func endEvent() -> [UInt8]? {
        guard hasData else { return nil }
        let event = data
        data = []
        hasData = false
        return event
    }
}
