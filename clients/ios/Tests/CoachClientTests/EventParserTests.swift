import XCTest
@testable import CoachClient

final class EventParserTests: XCTestCase {
    private func events(_ text: String) throws -> [String] {
        var parser = EventParser()
        return try text.utf8.compactMap { try parser.feed($0) }.map { String(decoding: $0, as: UTF8.self) }
    }

    func testAnEventEndsAtAnEmptyLineWhateverEndsLines() throws {
        for end in ["\n", "\r\n", "\r"] {
            XCTAssertEqual(try events("data: one\(end)\(end)data: two\(end)data: lines\(end)\(end)"), ["one", "two\nlines"])
        }
    }

    func testOneSpaceBehindTheColonIsLeftOut() throws {
        XCTAssertEqual(try events("data:a\n\ndata: b\n\ndata:  c\n\ndata\n\n"), ["a", "b", " c", ""])
    }

    func testCommentsAreCountedAndOtherFieldsPassedOver() throws {
        var parser = EventParser()
        for byte in ": ping\n\nid: 7\nevent: message\nnothing\n\n:\n\n".utf8 {
            XCTAssertNil(try parser.feed(byte))
        }
        XCTAssertEqual(parser.comments, 2)
    }

    func testAnEventThatIsCutOffIsNone() throws {
        XCTAssertEqual(try events("data: whole\n\ndata: cut\n"), ["whole"])
    }

    func testWhatIsNoJSONIsBroken() {
        var reader = FrameReader()
        XCTAssertThrowsError(try "data: <html>\n\n".utf8.forEach { _ = try reader.feed($0) }) { error in
            XCTAssertTrue(error is BrokenFrame)
        }
    }

    func testALineWithoutEndIsBroken() {
        var parser = EventParser()
        XCTAssertThrowsError(try (0...EventParser.limit).forEach { _ in _ = try parser.feed(0x61) })
    }
}
