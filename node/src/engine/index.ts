export {
  type DetectedEngine,
  type DetectOptions,
  detectEngines,
} from './detect/detect-engines.ts'
export { EngineSet, type EngineTrouble, type RunnableModel } from './detect/engine-set.ts'
export type { EngineKind } from './detect/identify.ts'
export {
  type OpenEngineOptions,
  openDetectedEngine,
  openEngine,
  openEngineAt,
} from './detect/open-engine.ts'
export { ollamaUrl } from './detect/places.ts'
export {
  type Engine,
  EngineError,
  type EngineErrorFacts,
  type EngineEvent,
  type EngineFault,
  type EngineHealth,
  type EngineLoad,
  type EngineModel,
  type EngineRequest,
  type EngineUsage,
  type FixedChoices,
  type ModelHealth,
  type RequestKind,
} from './engine.ts'
export { OpenAiEngine, type OpenAiEngineOptions } from './http/openai-engine.ts'
export {
  BuiltInEngine,
  type BuiltInEngineOptions,
  type BuiltInModel,
} from './llama/built-in-engine.ts'
export { BUILT_IN_NAME, builtInModelPath } from './llama/built-in-model.ts'
export { LlamaEngine, type LlamaEngineOptions } from './llama/llama-engine.ts'
export { digestOf } from './llama/llama-model.ts'
export { type ModelTokenizer, openTokenizer } from './llama/llama-tokenizer.ts'
export { modelsOfFiles } from './llama/model-files.ts'
export type { ModelNotice } from './llama/model-host.ts'
export type { GpuChoice } from './llama/model-spec.ts'
export { OllamaEngine, type OllamaEngineOptions } from './ollama/ollama-engine.ts'
export type { PullProgress } from './ollama/ollama-pull.ts'
