import { AGEING_CLASSES } from '../retention/classes.ts'
import { faultOfPeriod, type RetentionPeriods } from '../retention/periods.ts'
import { pairList } from './pair-list.ts'

/** `access-log=400,sign-ins=14`: days by class of data. */
export const retentionSetting = pairList(readPeriod, '<class>=<days>', AGEING_CLASSES.length)
  .superRefine((periods, ctx) => {
    for (const [name, days] of periods) {
      const message = faultOfPeriod(name, days)
      if (message !== undefined) ctx.addIssue({ code: 'custom', message })
    }
  })
  .transform((periods): RetentionPeriods => Object.fromEntries(periods))

function readPeriod(text: string): [string, number] | undefined {
  const [, name, days] = /^([a-z-]{1,40})=(\d{1,6})$/u.exec(text) ?? []
  return name === undefined || days === undefined ? undefined : [name, Number(days)]
}
