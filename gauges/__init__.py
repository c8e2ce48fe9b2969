"""What the server shows of itself: metrics, and the ids and spans by which logs and traces hang together. Below all rooms."""
