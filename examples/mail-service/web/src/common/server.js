// Requests to the server that the page came from: by POST, and nothing is kept of them.

/** The server said no; `code` is stable, `at` a moment in seconds since 1970, and `why` a text, where there is one. */
export class Refused extends Error {
  constructor({ code, at, why }) {
    super(code);
    this.name = "Refused";
    this.code = code;
    this.at = at ?? null;
    this.why = why ?? null;
  }
}

/** No answer, or none that makes sense. */
export class Unreachable extends Error {}

/** The answer to a request, if it is yes. Without cookies, unless it is said. */
export async function post(path, headers, body, credentials = "omit") {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers,
      body,
      cache: "no-store",
      credentials,
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
  } catch {
    throw new Unreachable();
  }
  if (response.ok) return response;
  const refusal = await whole(response.json());
  if (typeof refusal?.code !== "string") throw new Unreachable();
  throw new Refused(refusal);
}

/** What a promise of the network comes to. */
export async function whole(promise) {
  try {
    return await promise;
  } catch {
    throw new Unreachable();
  }
}
