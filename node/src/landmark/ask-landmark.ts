import {
  bytesEqual,
  HanseError,
  type LandmarkPing,
  landmarkEcho,
  landmarkPing,
  landmarkSigners,
  type Named,
  openSigned,
  type PeerId,
  type SignedRecord,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import type { OpenedStream, Waiting } from '../network/index.ts'
import { nextFrame } from './landmark.ts'
import {
  decodeChallenge,
  decodeSigned,
  encodeRequest,
  encodeSigned,
  LANDMARK_PROTOCOL,
  ROUNDS,
} from './landmark-messages.ts'

export interface AskLandmarkOptions {
  readonly network: {
    openStream(
      to: string | string[],
      protocol: string,
      waiting?: Waiting,
    ): Promise<Pick<OpenedStream, 'frames' | 'remotePeer'>>
  }
  readonly context: { readonly network: string; readonly signer: Signer }
  /** Of the attestor that the measurement is for. */
  readonly nonce: Uint8Array
  readonly signal: AbortSignal
}

/**
 * Has this node measured by the landmark at one of these addresses.
 *
 * @throws when it cannot be reached, does not measure, or signs something else
 */
export async function askLandmark(
  addresses: readonly string[],
  { network, context, nonce, signal }: AskLandmarkOptions,
): Promise<Named<LandmarkPing> & SignedRecord> {
  const opened = await network.openStream([...addresses], LANDMARK_PROTOCOL, { signal })
  const { frames } = opened
  const landmark = opened.remotePeer as PeerId
  try {
    frames.write(encodeRequest(nonce))
    frames.flush()
    for (let round = 0; round < ROUNDS; round++) {
      const challenge = decodeChallenge(await nextFrame(frames, signal))
      const echo = { landmark, subject: context.signer.peerId, challenge }
      const signed = signRecord(context, landmarkEcho, echo, 'provider', context.signer)
      frames.write(encodeSigned(signed))
      frames.flush()
    }
    const signed = decodeSigned(await nextFrame(frames, signal))
    const ping = openSigned(context, landmarkPing, signed, landmarkSigners)
    await frames.end({ signal })
    const { value } = ping
    const isOurs = value.landmark === landmark && value.subject === context.signer.peerId
    if (isOurs && bytesEqual(value.nonce, nonce)) return ping
    throw new HanseError('HANSE_SIGNATURE_INVALID', 'a measurement of something else')
  } catch (error) {
    frames.abort(new Error('not measured'))
    throw error
  }
}
