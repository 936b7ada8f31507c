import { defineConfig } from 'vitest/config';

/** `npm run test:init`: minutes, as it runs the compiler, the linter and other tests in a renamed copy of the clone. */
export default defineConfig({
  test: {
    reporters: ['default', './test/support/summary-reporter.ts'],
    include: ['test/init/**/*.test.ts'],
    testTimeout: 900_000,
    hookTimeout: 600_000,
  },
});
