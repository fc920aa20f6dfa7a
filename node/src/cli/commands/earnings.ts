import type { Command } from 'commander'
import { earningsLines } from '../money/earnings-text.ts'
import { moneyCommand } from '../money/money-command.ts'
import { bigints, paint } from '../output.ts'

export function earningsCommand(): Command {
  return moneyCommand(
    'earnings',
    'Tell what this provider has earned, what of it waits until when, and what was paid.',
    async (api, flags) => {
      const [earnings, terms] = await Promise.all([api.earnings(), api.terms()])
      if (flags.json === true) console.log(JSON.stringify({ ...earnings, terms }, bigints))
      else console.log(earningsLines(earnings, terms, paint).join('\n'))
    },
  ).option('--json', 'print as JSON; amounts are pico-euro, or cents where their names say so')
}
