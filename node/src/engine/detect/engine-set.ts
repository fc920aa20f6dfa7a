import type { Engine, EngineHealth, EngineModel } from '../engine.ts'

/** A model, and the engine that runs it. */
export interface RunnableModel {
  readonly engine: Engine
  readonly model: EngineModel
}

/** What an engine has, or why it cannot be asked. */
export interface EngineTrouble {
  readonly engine: Engine
  readonly error: unknown
}

/** Several engines, which open and close together. */
export class EngineSet implements AsyncDisposable {
  readonly engines: readonly Engine[]

  constructor(engines: readonly Engine[]) {
    this.engines = engines
  }

  /** The models of all that answer, in the order of the engines. An engine in trouble does not take the others down. */
  async models(): Promise<{
    readonly models: readonly RunnableModel[]
    readonly troubles: readonly EngineTrouble[]
  }> {
    const answers = await Promise.all(
      this.engines.map(async (engine) => {
        try {
          return { engine, models: await engine.models() }
        } catch (error) {
          return { engine, error }
        }
      }),
    )
    const models: RunnableModel[] = []
    const troubles: EngineTrouble[] = []
    for (const answer of answers) {
      const { engine } = answer
      if ('error' in answer) troubles.push({ engine, error: answer.error })
      else for (const model of answer.models) models.push({ engine, model })
    }
    return { models, troubles }
  }

  async health(
    signal?: AbortSignal,
  ): Promise<readonly { readonly engine: Engine; readonly health: EngineHealth }[]> {
    return await Promise.all(
      this.engines.map(async (engine) => ({ engine, health: await engine.health(signal) })),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.engines.map(async (engine) => await engine[Symbol.asyncDispose]()))
  }
}
