import type { Command } from 'commander'

/** How a request wants to be served, as flags; the gateway reads them as headers. */
const POLICY_FLAGS = {
  sort: ['--sort <what>', 'what counts most: price, latency, throughput, balanced'],
  region: ['--region <list>', 'where prompts may be processed, within what the gateway allows'],
  maxPrice: ['--max-price <price>', 'highest price of output tokens, as "0.20 EUR/Mtok"'],
  only: ['--only <peers>', 'peer ids: ask no other provider'],
  ignore: ['--ignore <peers>', 'peer ids: do not ask these'],
  tags: ['--tags <list>', 'what the spending is filed under'],
} as const

const HEADERS: Readonly<Record<keyof typeof POLICY_FLAGS, string>> = {
  sort: 'x-hanse-sort',
  region: 'x-hanse-region',
  maxPrice: 'x-hanse-max-output-price',
  only: 'x-hanse-only',
  ignore: 'x-hanse-ignore',
  tags: 'x-hanse-tags',
}

export function addPolicyOptions(command: Command): Command {
  for (const [flag, description] of Object.values(POLICY_FLAGS)) command.option(flag, description)
  return command
}

export function policyHeaders(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(HEADERS).flatMap(([flag, header]) => {
      const value = flags[flag]
      return typeof value === 'string' ? [[header, value]] : []
    }),
  )
}
