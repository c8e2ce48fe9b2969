import Foundation
import XCTest
@testable import CoachClient

final class TranscriptTests: XCTestCase {
    private func reconnected(after told: String) -> Transcript {
        var transcript = Transcript()
        transcript.beginConnection()
        _ = transcript.hear(told)
        transcript.beginConnection()
        return transcript
    }

    func testTextGrows() {
        var transcript = Transcript()
        transcript.beginConnection()
        XCTAssertEqual(transcript.hear("One "), .text(delta: "One ", text: "One "))
        XCTAssertEqual(transcript.hear("two"), .text(delta: "two", text: "One two"))
        XCTAssertNil(transcript.end())
    }

    func testASnapshotWithMoreTellsTheRest() {
        var transcript = reconnected(after: "One ")
        XCTAssertEqual(transcript.hear("One two "), .text(delta: "two ", text: "One two "))
        XCTAssertEqual(transcript.hear("three"), .text(delta: "three", text: "One two three"))
    }

    func testAWorkerThatIsBehindTellsNothingTwice() {
        var transcript = reconnected(after: "One two three")
        XCTAssertNil(transcript.hear(""))
        XCTAssertNil(transcript.hear("One "))
        XCTAssertEqual(transcript.hear("two three four"), .text(delta: " four", text: "One two three four"))
    }

    func testWhatWasLostWithAWorkerIsTakenBackAtTheEnd() {
        var transcript = reconnected(after: "One two three")
        XCTAssertNil(transcript.hear("One two"))
        XCTAssertEqual(transcript.end(), .replaced("One two"))
        XCTAssertNil(transcript.end())
    }

    func testAnotherTextReplacesWhatWasTold() {
        var transcript = reconnected(after: "One")
        XCTAssertEqual(transcript.hear("Two"), .replaced("Two"))
    }

    func testTextsAreComparedByTheirBytes() {
        var transcript = reconnected(after: "e")
        XCTAssertEqual(transcript.hear("e\u{301}!"), .text(delta: "\u{301}!", text: "e\u{301}!"))
    }

    func testWaitsGrowToALimitAndPatienceEnds() {
        var backoff = Backoff(Reconnecting())
        let now = Date()
        let waits = (1...8).compactMap { _ in backoff.next(after: nil, now: now) }
        XCTAssertEqual(waits.count, 8)
        for (number, wait) in waits.enumerated() {
            let most = min(15, 0.5 * pow(2, Double(number)))
            XCTAssertTrue((most / 2...most).contains(wait))
        }
        XCTAssertEqual(backoff.next(after: 60, now: now), 60)
        XCTAssertNil(backoff.next(after: nil, now: now.addingTimeInterval(121)))
        backoff.reset()
        XCTAssertNotNil(backoff.next(after: nil, now: now.addingTimeInterval(122)))
    }
}
