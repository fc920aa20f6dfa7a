import { BASES } from '../../privacy/lawful-basis.ts'
import * as kinds from '../kinds.ts'

/** No week's budget may lose what it was spent on. */
const METADATA_DAYS_MIN = 7
const DAYS_MAX = 3_650

const days = (fallback: number, description: string) =>
  kinds.integer({ description, placeholder: '<days>', fallback, min: 0, max: DAYS_MAX })

const metadataDays = days(
  90,
  `EU mode: how long it is kept which key a session was on, and its tags; at least ${METADATA_DAYS_MIN}, or 0 to keep it`,
)

/** EU mode of a gateway: lawful basis, retention. */
export const privacyGroup = {
  lawfulBasis: kinds.optionalOneOf(BASES, {
    description:
      'EU mode: why personal data may be processed (GDPR, Article 6); recorded once, at the first start with it',
  }),
  retainRequestsDays: days(
    30,
    'EU mode: how long request bodies are kept, where --keep-requests keeps them; 0 keeps them',
  ),
  retainOpeningsDays: days(
    90,
    'EU mode: how long it is kept what opens a session’s commitments; 0 keeps it',
  ),
  retainMetadataDays: {
    ...metadataDays,
    parse: (text: string) => {
      const value = metadataDays.parse(text)
      if (value > 0 && value < METADATA_DAYS_MIN)
        throw new Error(`must be 0, or a whole number from ${METADATA_DAYS_MIN} to ${DAYS_MAX}`)
      return value
    },
  },
} as const
