import type { Config } from '#lib/config.ts'

// What is copied into a terminal: with the real addresses.

const settlementOf = (config: Config | undefined): string =>
  `--settlement-url ${config?.settlementUrl ?? 'https://settlement.example'}`
const networkOf = (config: Config | undefined): string[] =>
  config?.network === undefined ? [] : [`--network ${config.network.name}`]
const lines = (parts: readonly string[]): string => parts.join(' \\\n  ')

export const startProvider = (config: Config | undefined): string =>
  lines([
    'npx hanse provider --country DE',
    ...networkOf(config),
    `--bootstrap ${config?.network?.bootstrap[0] ?? '/ip4/…/p2p/12D3KooW…'}`,
    settlementOf(config),
  ])

export const linkProvider = (config: Config | undefined, code: string, owner: string): string =>
  lines([
    `npx hanse provider link ${code} --owner ${owner}`,
    ...networkOf(config),
    settlementOf(config),
  ])

export const attestProvider = (config: Config | undefined): string =>
  lines(['npx hanse provider attest', ...networkOf(config), settlementOf(config)])
