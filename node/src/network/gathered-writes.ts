import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { afterWrites } from './after-tick.ts'
import { listen } from './heard.ts'
import { methodOf } from './method-of.ts'
import { proposeStreams } from './proposed-streams.ts'

/** Arrays that follow each other. */
type Bytes = Exclude<Parameters<MessageStream['send']>[0], Uint8Array>
/** How libp2p's connections hand bytes to what is below them. */
type SendData = (data: Bytes) => { sentBytes: number; canSendMore: boolean }

/** A noise message holds as much, and a socket asks to wait at as much. */
const GATHERED_BYTES_MAX = 64 * 1024
/** Above it a copy costs more than another write. */
const JOINED_BYTES_MAX = 128 * 1024

/**
 * A muxer whose frames of one tick, of all its streams, leave together: each send costs an encryption here and a decryption
 * there, however little it sends, and a short answer has some ten frames.
 */
export function gathering<Factory extends StreamMuxerFactory>(
  open: () => Factory,
): () => StreamMuxerFactory {
  return () => {
    const factory = open()
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection) => {
        gatherWrites(connection)
        const muxer = factory.createStreamMuxer(connection)
        listen(connection, muxer)
        proposeStreams(muxer)
        return muxer
      },
    }
  }
}

/** What a connection sends in one tick it sends at the end of it. */
function gatherWrites(connection: MessageStream): void {
  const sendData = methodOf<SendData>(connection, 'sendData')
  const close = methodOf<MessageStream['close']>(connection, 'close')
  let gathered: Bytes | undefined
  let isPlanned = false

  const flush = (): boolean => {
    const data = gathered
    if (data === undefined) return true
    gathered = undefined
    return sendData(data).canSendMore
  }
  const flushPlanned = (): void => {
    isPlanned = false
    try {
      // Whoever sends next waits; the connection says when it takes more.
      if (!flush()) connection.writableNeedsDrain = true
    } catch (error) {
      connection.abort(error instanceof Error ? error : new Error(String(error)))
    }
  }
  Reflect.set(connection, 'sendData', ((data) => {
    const sentBytes = data.byteLength
    // The caller goes on with its own list.
    if (gathered === undefined) gathered = data.sublist()
    else gathered.append(data)
    if (gathered.byteLength >= GATHERED_BYTES_MAX) return { sentBytes, canSendMore: flush() }
    if (!isPlanned) afterWrites(flushPlanned)
    isPlanned = true
    return { sentBytes, canSendMore: true }
  }) satisfies SendData)
  connection.close = async (options) => {
    if (connection.status === 'open') flushPlanned()
    await close(options)
  }
}

/** Makes one write of what is sent at once: noise puts the length of a message and the message in two. */
export function joinWrites(connection: object): void {
  const sendData = methodOf<SendData>(connection, 'sendData')
  Reflect.set(connection, 'sendData', ((data) => {
    if (data.byteLength > JOINED_BYTES_MAX) return sendData(data)
    const joined = data.sublist(0, 0)
    joined.append(data.subarray())
    return sendData(joined)
  }) satisfies SendData)
}
