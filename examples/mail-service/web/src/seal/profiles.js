// What a password may cost: exactly the profiles that have a name, and nothing weaker or dearer.

export const PROFILES = Object.freeze([
  Object.freeze({ name: "browser", passes: 3, lanes: 4, memoryExponent: 16 }),
  Object.freeze({ name: "low-memory", passes: 3, lanes: 4, memoryExponent: 15 }),
  Object.freeze({ name: "strong", passes: 3, lanes: 4, memoryExponent: 18 }),
]);

export const BROWSER = PROFILES[0];

/** The profile of these costs; null if there is none. */
export function named({ passes, lanes, memoryExponent }) {
  return (
    PROFILES.find(
      (p) => p.passes === passes && p.lanes === lanes && p.memoryExponent === memoryExponent,
    ) ?? null
  );
}
