import * as kinds from '../kinds.ts'

/** For commands about an organization's money at settlement, with its key; a gateway's table of hanse.toml has both. */
export const spendingSettings = {
  settlementUrl: kinds.optionalUrl({ description: 'settlement service of the organization' }),
  settlementApiKey: kinds.optionalText({
    description: 'API key of the organization at settlement',
    secret: true,
  }),
} as const
