import { isPeerId, type KnownLandmark } from '@hanse/protocol'

/** A landmark that this service believes, and where providers find it. */
export interface PublishedLandmark extends KnownLandmark {
  /** With `/p2p/` and its peer id at the end. */
  readonly address: string
}

/** `<degrees north>:<degrees east>@<multiaddr>`; `undefined` for what is none. */
export function parseLandmark(text: string): PublishedLandmark | undefined {
  const [, north, east, address] = /^(-?[\d.]+):(-?[\d.]+)@(\/\S+)$/u.exec(text) ?? []
  const peerId = address?.split('/p2p/').at(-1) ?? ''
  const [latitude, longitude] = [Number(north), Number(east)]
  if (address === undefined || !isPeerId(peerId)) return undefined
  const isPlace = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
  return isPlace ? { peerId, latitude, longitude, address } : undefined
}
