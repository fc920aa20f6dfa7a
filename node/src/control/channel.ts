import type { Socket } from 'node:net'
import { HanseError } from '@hanse/protocol'
import { FrameDecoder, varintLength, writeVarint } from '../network/frame-decoder.ts'
import type { FrameStream } from '../network/index.ts'

/** Frames between an owner and a daemon, whatever carries them. */
export interface ControlChannel {
  /** Resolves when the other side may be sent more. @throws when it is gone, or the signal is aborted */
  send(frame: Uint8Array, signal: AbortSignal): Promise<void>
  /** Ends when the other side does. @throws when it breaks the framing or is cut */
  frames(): AsyncIterable<Uint8Array>
  /** Sends what is queued and ends. Never rejects. */
  end(): Promise<void>
  abort(): void
}

/** Time for the last frame to leave. */
const END_MS = 2_000

export function streamChannel(stream: FrameStream): ControlChannel {
  return {
    send: async (frame, signal) => {
      if (!stream.write(frame)) await stream.drained(signal)
    },
    frames: () => stream,
    end: async () => {
      try {
        await stream.end({ signal: AbortSignal.timeout(END_MS) })
      } catch {
        stream.abort(new Error('the control stream did not end in time'))
      }
    },
    abort: () => stream.abort(new Error('the control stream was cut')),
  }
}

/** @param frameBytesMax largest frame that is taken from the other side */
export function socketChannel(socket: Socket, frameBytesMax: number): ControlChannel {
  // A socket that breaks is noticed by whoever reads or writes next; without a listener it would end the process.
  socket.on('error', () => {})
  return {
    send: async (frame, signal) => {
      if (socket.destroyed || !socket.writable) throw gone()
      const framed = new Uint8Array(varintLength(frame.byteLength) + frame.byteLength)
      framed.set(frame, writeVarint(frame.byteLength, framed, 0))
      if (!socket.write(framed)) await drained(socket, signal)
    },
    frames: () => framesOf(socket, new FrameDecoder(frameBytesMax)),
    end: async () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, END_MS)
      socket.once('close', resolve)
      socket.end(resolve)
      await promise
      clearTimeout(timer)
    },
    abort: () => void socket.destroy(),
  }
}

async function* framesOf(socket: Socket, decoder: FrameDecoder): AsyncGenerator<Uint8Array> {
  for await (const data of socket.iterator({ destroyOnReturn: false })) {
    yield* decoder.push(data as Uint8Array)
  }
}

async function drained(socket: Socket, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onDrain = (): void => resolve()
  const onClose = (): void => reject(gone())
  const onAbort = (): void => reject(signal.reason)
  socket.once('drain', onDrain)
  socket.once('close', onClose)
  signal.addEventListener('abort', onAbort)
  try {
    await promise
  } finally {
    socket.off('drain', onDrain)
    socket.off('close', onClose)
    signal.removeEventListener('abort', onAbort)
  }
}

function gone(): HanseError {
  return new HanseError('HANSE_CONTROL_UNREACHABLE', 'the other side is gone')
}
