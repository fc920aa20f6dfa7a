import { parentPort } from 'node:worker_threads'
import type { MarketShape } from './plan.ts'
import { runMarket } from './run-market.ts'

/** A worker is told a market and answers with its outcome. */
parentPort?.on('message', ({ place, shape }: { place: number; shape: MarketShape }) => {
  void runMarket(shape).then((outcome) => parentPort?.postMessage({ place, outcome }))
})
