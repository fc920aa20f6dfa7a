export {
  type Engine,
  EngineError,
  type EngineErrorFacts,
  type EngineEvent,
  type EngineFault,
  type EngineHealth,
  type EngineModel,
  type EngineRequest,
  type EngineUsage,
  type FixedChoices,
  type ModelHealth,
  type RequestKind,
} from './engine.ts'
export { OpenAiEngine, type OpenAiEngineOptions } from './http/openai-engine.ts'
export { builtInModelPath } from './llama/built-in-model.ts'
export { LlamaEngine, type LlamaEngineOptions } from './llama/llama-engine.ts'
export { digestOf } from './llama/llama-model.ts'
export { type ModelTokenizer, openTokenizer } from './llama/llama-tokenizer.ts'
export { requestKindOf } from './request-kind.ts'
