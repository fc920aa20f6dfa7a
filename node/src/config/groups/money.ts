import * as kinds from '../kinds.ts'

/** For commands that ask settlement for a provider's own money; the network is that of the provider's table, too. */
export const moneySettings = {
  dataDir: kinds.folder({
    description: 'data folder of the provider, whose key signs what is asked',
    fallback: '.hanse/node',
  }),
  network: kinds.text({
    description: 'name of the network; signatures are void on any other',
    placeholder: '<name>',
    fallback: 'mainnet',
  }),
  settlementUrl: kinds.optionalUrl({ description: 'settlement service that pays this provider' }),
} as const
