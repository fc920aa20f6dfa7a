export { builtInModelPath } from './built-in-model.ts'
export {
  type ChatRequest,
  type Engine,
  EngineError,
  type EngineErrorFacts,
  type EngineEvent,
  type EngineFault,
  type EngineModel,
  type EngineRequest,
  type EngineUsage,
} from './engine.ts'
export { LlamaEngine, type LlamaEngineOptions } from './llama-engine.ts'
export { type ModelTokenizer, openTokenizer } from './llama-tokenizer.ts'
export { OpenAiEngine, type OpenAiEngineOptions } from './openai-engine.ts'
