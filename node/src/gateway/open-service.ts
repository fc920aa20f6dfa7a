import type { answersGroup } from '../config/groups/answers.ts'
import type { Settings } from '../config/settings.ts'
import { type Buyer, OpenAiService } from '../openai/index.ts'
import { Generations } from './generations.ts'
import { ImageFetcher } from './image-fetcher.ts'

const MIB = 2 ** 20

export type AnswerSettings = Settings<typeof answersGroup>

type ServiceSettings = Pick<
  AnswerSettings,
  'responseCache' | 'responseCacheMs' | 'idempotencyMs' | 'answerMemoryMib' | 'remoteImages'
>

/** The API over a consumer, as the settings of a gateway have it, and what its answers cost. */
export function openService(
  consumer: Buyer,
  settings: ServiceSettings,
  now: () => number,
): { readonly service: OpenAiService; readonly generations: Generations } {
  const { responseCache, responseCacheMs, idempotencyMs, answerMemoryMib, remoteImages } = settings
  const generations = new Generations()
  const service = new OpenAiService({
    consumer,
    now,
    images: remoteImages ? new ImageFetcher() : undefined,
    cache: { byDefault: responseCache, keepMs: responseCacheMs },
    idempotency: { keepMs: idempotencyMs },
    memoryBytesMax: answerMemoryMib * MIB,
    onEnd: (record) => generations.add(record),
  })
  return { service, generations }
}
