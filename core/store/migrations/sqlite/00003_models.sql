-- +goose Up
CREATE TABLE "models" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT,
    "name" TEXT NOT NULL,
    "info" TEXT,
    "vendor_class" TEXT,
    "hardware_model" TEXT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL
);
CREATE UNIQUE INDEX "models_name" ON "models" ("name");
ALTER TABLE "hosts" ADD COLUMN "model_id" INTEGER REFERENCES "models" ("id");
CREATE INDEX "hosts_model_id" ON "hosts" ("model_id");
