import type { ConsumerOptions } from '@hanse/node/consumer'

const { HANSE_BOOTSTRAP = '', HANSE_NETWORK = 'mainnet', HANSE_MIN_LEVEL = '3' } = process.env

/** Where to buy, and on which terms. */
export const market: ConsumerOptions = {
  bootstrap: HANSE_BOOTSTRAP.split(',').filter((address) => address !== ''),
  network: HANSE_NETWORK,
  residency: ['EU'],
  minLevel: Number(HANSE_MIN_LEVEL),
  budget: '0.10 EUR',
}
