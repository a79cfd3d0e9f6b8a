// Everything that the tests use.
export * from "./argon2.js";
export * from "./bytes.js";
export * from "./keys.js";
export * from "./open.js";
export * from "./packets.js";
export * from "./passphrase.js";
export * from "./profiles.js";
export * from "./refusal.js";
export * from "./write.js";
