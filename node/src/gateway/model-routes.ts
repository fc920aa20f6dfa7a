import { HanseError, type MatchedOffer } from '@hanse/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Consumer } from '../consumer/consumer.ts'
import type { FetchedOffer } from '../consumer/offer-directory.ts'
import { modelEntry, modelList, modelQuery } from '../openai/models.ts'
import { callerOf } from './caller.ts'

/** Which models are on offer, for how much, and what they can do. */
export function registerModels(app: FastifyInstance, consumer: Consumer): void {
  const offersFor = async (
    request: FastifyRequest,
  ): Promise<readonly MatchedOffer<FetchedOffer>[]> => {
    const { mayUse } = callerOf(request)
    const { candidates } = await consumer.match()
    return mayUse === undefined ? candidates : candidates.filter(({ model }) => mayUse(model.id))
  }

  app.get('/v1/models', async (request) => {
    const query = new URLSearchParams(request.url.split('?')[1] ?? '')
    return modelList(await offersFor(request), modelQuery(query))
  })

  // Ids have slashes in them.
  app.get<{ Params: { '*': string } }>('/v1/models/*', async (request) => {
    const name = request.params['*']
    const entry = modelEntry(await offersFor(request), name)
    if (entry !== undefined) return entry
    throw new HanseError('HANSE_MODEL_UNKNOWN', `nobody offers the model ${name.slice(0, 128)}`)
  })
}
