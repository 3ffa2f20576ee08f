//! Decides: sign-in and chat commands become events in the log.
