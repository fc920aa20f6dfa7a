import { isCountryCode } from '@hanse/protocol'
import { z } from 'zod'
import { DEFAULT_HOLD_BACK, type HoldBackStage } from '../earnings/hold-back.ts'
import { PAYOUT_COUNTRIES } from '../providers/payout-countries.ts'

/** Country codes, with spaces or commas between them. */
export const countriesSetting = z
  .string()
  .default(PAYOUT_COUNTRIES.join(' '))
  .transform((text, ctx): readonly string[] => {
    const codes = text.split(/[\s,]+/u).filter((code) => code !== '')
    const wrong = codes.find((code) => !isCountryCode(code))
    if (wrong === undefined && codes.length > 0) return codes
    ctx.addIssue({ code: 'custom', message: `${wrong ?? 'nothing'} is not a country code` })
    return z.NEVER
  })

const DAYS_MAX = 3650
const STAGE = /^(\d{1,4}):(\d{1,12}):(\d{1,5}):(\d{1,4})$/u

/** `14:5000:5000:14,60:50000:2000:7`, or `none`. */
export const holdBackSetting = z
  .string()
  .default(DEFAULT_HOLD_BACK.stages.map(stageText).join(','))
  .transform((text, ctx): readonly HoldBackStage[] => {
    if (text === 'none') return []
    return text.split(',').map((part) => {
      const stage = readStage(part.trim())
      if (stage !== undefined) return stage
      ctx.addIssue({ code: 'custom', message: `${part.slice(0, 80)} is not days:cents:share:days` })
      return z.NEVER
    })
  })

function readStage(text: string): HoldBackStage | undefined {
  const [, untilDays, untilCents, shareBps, days] = STAGE.exec(text) ?? []
  if (untilDays === undefined || untilCents === undefined) return undefined
  const stage = {
    untilDays: Number(untilDays),
    untilCents: BigInt(untilCents),
    shareBps: Number(shareBps),
    days: Number(days),
  }
  const sound = stage.shareBps >= 1 && stage.shareBps <= 10_000 && stage.days >= 1
  return sound && stage.days <= DAYS_MAX ? stage : undefined
}

function stageText({ untilDays, untilCents, shareBps, days }: HoldBackStage): string {
  return `${untilDays}:${untilCents}:${shareBps}:${days}`
}
