//! Answers: pages over HTTP, live frames over WebSockets.
