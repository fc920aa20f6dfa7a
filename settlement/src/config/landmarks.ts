import { parseLandmark } from '../attestations/landmarks.ts'
import { pairList } from './pair-list.ts'

/** An attestation cites sixteen measurements at most; with more to choose from, the nearest count. */
const LANDMARKS_MAX = 64

export const landmarksSetting = pairList(
  parseLandmark,
  '<degrees north>:<degrees east>@<multiaddr>',
  LANDMARKS_MAX,
)
