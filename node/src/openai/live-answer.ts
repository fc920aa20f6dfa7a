/** An answer in the client's form, while it comes in. */
export interface LiveAnswer {
  readonly headers: Readonly<Record<string, string>>
  /** A document, or the events of a stream for one reader. A stream that breaks says so as its last event, and just ends. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** Whether a stream has ended as a whole answer; true for a document. */
  readonly isWhole: () => boolean
  /** A piece of the body, as who gets the answer from memory reads it: nobody was paid for it again. */
  readonly asFree: (piece: Uint8Array) => Uint8Array
}
