-- filter {"block_types":{"name":{"like_":"web"},"slug":{"any_":["secret"]}}}
-

-- filter {"block_types":{"name":{"like_":""},"slug":{"any_":[]}}}
-

-- filter {"block_schemas":{"block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"block_capabilities":{"all_":["write-path"]},"id":{"any_":[]},"version":{"any_":["1","2"]}}}
-

-- filter {"block_schemas":{"operator":"or_","block_capabilities":{"all_":[]},"version":{"any_":["1"]}}}
-

-- filter {"block_documents":{}}
-

-- filter {"block_documents":{"is_anonymous":null}}
-

-- filter {"block_documents":{"is_anonymous":{"eq_":true},"id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
-

-- filter {"block_documents":{"operator":"or_","block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]},"name":{"any_":["a","b"],"like_":"x"}}}
-

-- block_types list NAME_ASC {}
-

-- block_types list NAME_DESC {}
-

-- block_types list NAME_ASC {"block_schemas":{"block_capabilities":{"all_":["notify"]}}}
-

-- block_schemas list CREATED_DESC {}
-

-- block_schemas list CREATED_ASC {}
-

-- block_schemas list CREATED_DESC {"block_schemas":{"block_type_id":{"any_":["00000000-0000-0000-0000-000000000001"]}}}
-

-- block_documents list NAME_ASC {}
-

-- block_documents list NAME_DESC {}
-

-- block_documents list BLOCK_TYPE_AND_NAME_ASC {}
-

-- block_documents list NAME_ASC {"block_types":{"slug":{"any_":["secret"]}},"block_schemas":{"block_capabilities":{"all_":["write-path"]}}}
-

-- block_documents count {}
-

-- block_documents count {"block_documents":{"is_anonymous":null},"block_types":{"slug":{"any_":["secret"]}}}
-
