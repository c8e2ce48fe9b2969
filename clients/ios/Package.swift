// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "CoachClient",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "CoachClient", targets: ["CoachClient"])],
    targets: [
        .target(name: "CoachClient"),
        .target(name: "CoachExample", dependencies: ["CoachClient"], path: "Examples"),
        .testTarget(name: "CoachClientTests", dependencies: ["CoachClient"]),
    ]
)
