import { bytesEqual } from '@hanse/protocol'
import type { Stream, StreamMuxer } from '@libp2p/interface'
import { varintLength, writeVarint } from './frame-decoder.ts'
import { methodOf } from './method-of.ts'

/** Given to `newStream`: the peer is known to speak the protocol; what is called when it does not any more. */
export const PROPOSED: unique symbol = Symbol('proposed')

export interface ProposedOptions {
  readonly [PROPOSED]: () => void
}

type CreateStream = (options?: StreamOptions) => Promise<Stream>
type StreamOptions = Partial<ProposedOptions> & { readonly protocol?: string | undefined }
/** What libp2p hands over of what came: an array, or several that follow each other. */
type Bytes = { readonly byteLength: number; subarray(from: number, to?: number): Uint8Array }

/**
 * Streams that are proposed are used without waiting for the peer to agree on the protocol: multistream-select lets who opens
 * a stream write behind its proposal (its "lazy" form), and the peer's answer, the same bytes, is taken from what it sends.
 * That saves a round trip, and the turn of both event loops that it takes.
 */
export function proposeStreams(muxer: StreamMuxer): void {
  const createStream = methodOf<CreateStream>(muxer, 'createStream')
  Reflect.set(muxer, 'createStream', (async (options) => {
    const stream = await createStream(options)
    const onRefused = options?.[PROPOSED]
    if (onRefused !== undefined && options?.protocol !== undefined)
      propose(stream, options.protocol, onRefused)
    return stream
  }) satisfies CreateStream)
}

function propose(stream: Stream, protocol: string, onRefused: () => void): void {
  const proposal = proposalOf(protocol)
  const onData = methodOf<(data: Bytes) => void>(stream, 'onData')
  let expected = proposal
  Reflect.set(stream, 'onData', (data: Bytes): void => {
    const length = Math.min(data.byteLength, expected.byteLength)
    if (!bytesEqual(data.subarray(0, length), expected.subarray(0, length))) {
      onRefused()
      stream.abort(new Error(`the peer does not speak ${protocol} any more`))
      return
    }
    expected = expected.subarray(length)
    if (expected.byteLength > 0) return
    Reflect.deleteProperty(stream, 'onData')
    if (data.byteLength > length) onData(data.subarray(length))
  })
  // libp2p agrees on a protocol with the peer only where the stream has none.
  stream.protocol = protocol
  stream.send(proposal)
}

/** Both lines of multistream-select, each with its length before it. */
function proposalOf(protocol: string): Uint8Array {
  const known = proposals.get(protocol)
  if (known !== undefined) return known
  const lines = ['/multistream/1.0.0\n', `${protocol}\n`].map((line) => encoder.encode(line))
  const sizes = lines.map(({ byteLength }) => varintLength(byteLength) + byteLength)
  const proposal = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  for (const line of lines) {
    at = writeVarint(line.byteLength, proposal, at)
    proposal.set(line, at)
    at += line.byteLength
  }
  proposals.set(protocol, proposal)
  return proposal
}

const encoder = new TextEncoder()
/** By protocol, of which there are a few. */
const proposals = new Map<string, Uint8Array>()
