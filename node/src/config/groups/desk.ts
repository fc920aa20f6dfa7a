import * as kinds from '../kinds.ts'
import { controlSettings } from './operations.ts'

/** For commands that rule a gateway, whether it runs or not. */
export const deskSettings = {
  ...controlSettings,
  dataDir: kinds.folder({
    description: 'data folder of the gateway; with --peer that of this machine, whose key is used',
    fallback: '.hanse/node',
  }),
  euAudit: kinds.toggle({
    description: 'as the gateway has it: keep a log of what the owner does',
    fallback: true,
  }),
} as const
