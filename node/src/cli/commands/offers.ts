import { formatPrice, HanseError, picoEuro } from '@hanse/protocol'
import type { Command } from 'commander'
import { z } from 'zod'
import { clientSettings } from '../../config/schemas.ts'
import { askGateway } from '../gateway-client.ts'
import { paint, table } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

const row = z.object({
  provider: z.string(),
  model: z.string(),
  country: z.string(),
  evidenceLevel: z.number(),
  inputPrice: z.string(),
  outputPrice: z.string(),
  slots: z.number(),
  freeSlots: z.number(),
})
const excludedRow = row.extend({
  reasons: z.array(z.object({ code: z.string(), message: z.string(), change: z.string() })),
})
const answer = z.object({
  network: z.string(),
  policy: z.object({ allow: z.array(z.string()), minLevel: z.number() }),
  candidates: z.array(row),
  excluded: z.array(excludedRow),
})

export function offersCommand(): Command {
  return settingsCommand(
    'offers',
    'List the offers that the gateway sees, and why some are excluded.',
    clientSettings,
    async (settings, _args, flags) => {
      const body = await (await askGateway(settings, '/hanse/v1/offers')).json()
      if (flags.json === true) {
        console.log(JSON.stringify(body))
        return
      }
      const result = answer.safeParse(body)
      if (!result.success)
        throw new HanseError('HANSE_REQUEST_INVALID', 'the gateway answered in another language')
      print(result.data)
    },
  ).option('--json', 'print the gateway’s answer as JSON')
}

function print({ network, policy, candidates, excluded }: z.output<typeof answer>): void {
  const where = policy.allow.length === 0 ? 'anywhere' : policy.allow.join(', ')
  console.log(`network ${network}; policy: ${where}, evidence level ${policy.minLevel} or more\n`)
  if (candidates.length + excluded.length === 0) {
    console.log('No offers. Is a provider running, and does it share a relay with this gateway?')
    return
  }
  const head = ['MODEL', 'COUNTRY', 'LEVEL', 'IN', 'OUT', 'FREE', 'PROVIDER']
  console.log(paint('bold', `${candidates.length} to choose from`))
  if (candidates.length > 0) console.log(table([head, ...candidates.map(cells)]))
  if (excluded.length === 0) return
  console.log(`\n${paint('bold', `${excluded.length} excluded`)}`)
  for (const offer of excluded) {
    console.log(paint('dim', cells(offer).join('  ')))
    for (const { code, message, change } of offer.reasons) {
      console.log(`  ${paint('yellow', code)}: ${message} — to change it: ${change}`)
    }
  }
}

function cells(offer: z.output<typeof row>): string[] {
  return [
    offer.model,
    offer.country,
    String(offer.evidenceLevel),
    formatPrice(picoEuro(BigInt(offer.inputPrice))),
    formatPrice(picoEuro(BigInt(offer.outputPrice))),
    `${offer.freeSlots}/${offer.slots}`,
    offer.provider,
  ]
}
