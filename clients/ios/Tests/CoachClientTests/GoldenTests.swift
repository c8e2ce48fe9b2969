import Foundation
import XCTest
@testable import CoachClient

/// The streams in clients/golden, which Coach's own tests hold against the server.
final class GoldenTests: XCTestCase {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent()  // CoachClientTests
        .deletingLastPathComponent()  // Tests
        .deletingLastPathComponent()  // ios
        .deletingLastPathComponent()  // clients
        .appendingPathComponent("golden")

    private func files(_ kind: String) throws -> [URL] {
        let all = try FileManager.default.contentsOfDirectory(at: Self.folder, includingPropertiesForKeys: nil)
        return all.filter { $0.pathExtension == kind }
    }

    private func object(_ url: URL) throws -> [String: Any] {
        try XCTUnwrap(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    }

    func testEveryStreamIsReadByteByByte() throws {
        let streams = try files("sse")
        XCTAssertGreaterThan(streams.count, 8)
        for stream in streams {
            let expected = try object(stream.deletingPathExtension().appendingPathExtension("json"))
            let objects = try XCTUnwrap(expected["frames"] as? [[String: Any]])
            let wanted = try objects.map { try FrameReader().frame(of: JSONSerialization.data(withJSONObject: $0)) }
            var reader = FrameReader()
            var frames: [Frame?] = []
            var text = ""
            for byte in try Data(contentsOf: stream) {
                guard let frame = try reader.feed(byte) else { continue }
                frames.append(frame)
                if case .token(let piece) = frame { text += piece }
                if case .snapshot(let piece) = frame { text += piece }
            }
            XCTAssertEqual(frames, wanted, stream.lastPathComponent)
            let whole = try XCTUnwrap(expected["text"] as? String)
            XCTAssertEqual(Array(text.utf8), Array(whole.utf8), stream.lastPathComponent)
        }
    }

    func testARefusalSaysWhetherTheSameMaySucceedLater() throws {
        let codes = try object(Self.folder.appendingPathComponent("codes.json"))
        XCTAssertGreaterThan(codes.count, 20)
        for (code, value) in codes {
            let known = try XCTUnwrap(value as? [String: Any])
            let status = try XCTUnwrap(known["status"] as? Int)
            let body = try JSONSerialization.data(withJSONObject: ["error": code, "message": "No."])
            let refused = CoachError(status: status, retryAfter: "5", body: body)
            XCTAssertEqual(refused.code, code)
            XCTAssertEqual(refused.retryAfter, 5)
            XCTAssertEqual(refused.retryable, status == 429 || known["retryable"] as? Bool == true, code)
        }
    }

    func testAnAnswerThatIsNoJSONIsUnexpected() {
        let refused = CoachError(status: 502, retryAfter: nil, body: Data("<html>Bad gateway".utf8))
        XCTAssertEqual(refused.code, CoachError.unexpectedAnswer)
        XCTAssertTrue(refused.retryable)
    }
}
