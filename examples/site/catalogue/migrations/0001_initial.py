# SPDX-License-Identifier: Apache-2.0

from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('author', models.CharField(max_length=60, verbose_name='your name')),
                ('text', models.TextField(max_length=1000, verbose_name='what you saw')),
                ('written', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name_plural': 'entries',
                'ordering': ['-written', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Upload',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file', models.FileField(upload_to='uploads/')),
                ('name', models.CharField(max_length=255)),
                ('size', models.PositiveBigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('received', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-received', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='Whale',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, unique=True)),
                ('slug', models.SlugField(unique=True)),
                ('species', models.CharField(max_length=80, verbose_name='scientific name')),
                ('length_m', models.DecimalField(decimal_places=1, max_digits=4, verbose_name='length (m)')),
                ('mass_t', models.DecimalField(decimal_places=1, max_digits=5, verbose_name='mass (t)')),
                ('dive_m', models.PositiveIntegerField(verbose_name='deepest dive (m)')),
                ('waters', models.CharField(max_length=120)),
                ('about', models.TextField()),
            ],
            options={
                'ordering': ['name'],
            },
        ),
    ]
