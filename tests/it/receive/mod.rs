//! The public listener from outside: real HTTP, a real SQLite file, every answer.
mod access;
mod answers;
mod log_lines;
mod pressure;
mod sharing;
mod sns;
mod tokens;
mod world;
mod wrapped;
