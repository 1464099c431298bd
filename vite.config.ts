import { defineConfig } from "vite";

export default defineConfig({
  base: "./",
  publicDir: "web/public",
  build: { target: "es2023", outDir: "dist", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { watch: { ignored: ["**/target/**", "**/tools/**", "**/.tools/**"] } },
});
