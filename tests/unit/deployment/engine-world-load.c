/* engine-world-load.c: what an engine that is started finds on the world's disk. */
#include "engine-world.h"

static void load_numbers(World *w, DplLoaded *loaded) {
  GHashTableIter iter;
  gpointer key, text;

  g_hash_table_iter_init(&iter, w->disk);
  while (g_hash_table_iter_next(&iter, &key, &text)) {
    DplRecord *r = dpl_record_from_text(text, NULL);
    loaded->next_id = MAX(loaded->next_id, r->id + 1);
    if (dpl_states[r->state].is_end)
      dpl_record_free(r);
    else
      g_ptr_array_add(loaded->records, r);
  }
  g_hash_table_iter_init(&iter, w->jobs);
  while (g_hash_table_iter_next(&iter, &key, &text)) {
    DplJob *job = dpl_job_from_text(text, NULL);
    loaded->next_job = MAX(loaded->next_job, job->id + 1);
    if (job->result != NULL)
      dpl_job_free(job);
    else
      g_ptr_array_add(loaded->jobs, job);
  }
}

static void load_memory(World *w, DplLoaded *loaded) {
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init(&iter, w->remembered.targets);
  while (g_hash_table_iter_next(&iter, &key, &value)) {
    DplTarget *target = dpl_target_new(key, ((DplTarget *)value)->root);
    target->good = g_strdup(((DplTarget *)value)->good);
    g_hash_table_insert(loaded->targets, target->name, target);
  }
  g_hash_table_iter_init(&iter, w->remembered.poison);
  while (g_hash_table_iter_next(&iter, &key, &value))
    g_hash_table_insert(loaded->poison, g_strdup(key), g_memdup2(value, sizeof(gint64)));
}

void world_load(World *w, DplLoaded *loaded) {
  dpl_loaded_init(loaded);
  load_numbers(w, loaded);
  load_memory(w, loaded);
}
