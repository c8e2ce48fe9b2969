import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: { include: ["tests/**/*.test.{ts,tsx}"], testTimeout: 20_000, pool: "threads", setupFiles: ["tests/setup.ts"] },
});
