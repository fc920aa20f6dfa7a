import { golden } from './golden.ts'

// node protocol/src/testing/write-golden.ts > protocol/src/testing/golden.json
console.log(JSON.stringify(golden(), null, 2))
