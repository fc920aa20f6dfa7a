const encoder = new TextEncoder()
const DATA = encoder.encode('data: ')
const END = encoder.encode('\n\n')

/** The end of a whole stream. */
export const DONE = encoder.encode('data: [DONE]\n\n')

/** For proxies on the way, which cut what is silent. Clients skip it. */
export const KEEP_ALIVE = encoder.encode(': keep-alive\n\n')

export const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const

/** Each payload as an event of its own, in one piece of bytes. @param payloads without line ends */
export function encodeEvents(payloads: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const { byteLength } of payloads) length += DATA.length + byteLength + END.length
  const events = new Uint8Array(length)
  let at = 0
  for (const payload of payloads) {
    events.set(DATA, at)
    events.set(payload, at + DATA.length)
    at += DATA.length + payload.byteLength
    events.set(END, at)
    at += END.length
  }
  return events
}
